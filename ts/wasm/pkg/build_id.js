export const buildId = '350c6764ee0f';
