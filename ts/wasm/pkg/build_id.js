export const buildId = '0dfe1fdb5fb7';
