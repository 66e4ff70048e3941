export const buildId = 'b408d66b0c37';
