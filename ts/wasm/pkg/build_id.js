export const buildId = '86eeaab41d9c';
