export const buildId = '6679c9eea15a';
