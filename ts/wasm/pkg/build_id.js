export const buildId = 'df8236861ea6';
