import { version } from 'vite';

// Vite 5 to 7 move modules of packages while developing, away from the files beside them.
export default Number(version.split('.')[0]) < 8 ? { optimizeDeps: { exclude: ['pixelcnn'] } } : {};
