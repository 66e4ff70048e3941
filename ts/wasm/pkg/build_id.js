export const buildId = '4b77b49f149c';
