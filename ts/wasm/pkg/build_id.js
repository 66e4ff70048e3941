export const buildId = '5a2e8152e10b';
