export const buildId = 'eb447be963b1';
