export const buildId = 'c3e489159d27';
