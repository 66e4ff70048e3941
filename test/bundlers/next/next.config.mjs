export default { serverExternalPackages: ['pixelcnn'] };
