export const buildId = 'c7250238c6fd';
