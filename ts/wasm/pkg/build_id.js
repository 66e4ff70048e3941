export const buildId = 'abadcfb0bcc1';
