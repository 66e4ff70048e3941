export const buildId = '39b4f5757926';
