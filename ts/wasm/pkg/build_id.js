export const buildId = 'e895758b3151';
