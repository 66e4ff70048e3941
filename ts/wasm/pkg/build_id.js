export const buildId = 'e242a58ed84c';
