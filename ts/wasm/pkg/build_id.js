export const buildId = 'ef31be25e4f3';
