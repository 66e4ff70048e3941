export const buildId = '602aeb0ad027';
