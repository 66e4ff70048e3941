export const buildId = 'ddda543387c9';
