export const buildId = '7f10d52115f7';
