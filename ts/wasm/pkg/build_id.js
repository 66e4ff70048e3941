export const buildId = 'd0a1e05a87f7';
