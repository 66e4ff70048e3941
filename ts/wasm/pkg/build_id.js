export const buildId = '4be36a621996';
