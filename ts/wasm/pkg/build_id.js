export const buildId = '078f2f068d5d';
