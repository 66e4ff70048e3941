import { version } from 'vite';

const [major] = version.split('.').map(Number);

export default {
  // Vite 5 to 7 move modules of packages while developing, away from the files beside them.
  ...(major < 8 && { optimizeDeps: { exclude: ['pixelcnn'] } }),
  // Vite 5 and 6 build for browsers without `await` at the top of a module.
  ...(major < 7 && { build: { target: 'es2022' } }),
};
