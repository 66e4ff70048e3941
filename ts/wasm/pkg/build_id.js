export const buildId = '7d3085890103';
