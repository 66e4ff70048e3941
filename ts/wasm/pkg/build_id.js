export const buildId = 'b0fcf169386c';
