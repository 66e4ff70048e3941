export const buildId = '2db7f3ce8bfb';
