export const buildId = '563f148841e6';
