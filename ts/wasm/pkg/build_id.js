export const buildId = 'cd2e04a7f16f';
