export const buildId = '6844f49ce94d';
