import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// For work on the pages alone: `vite dashboards/web` serves them and passes the API on to a platform that runs.
const platform = 'http://127.0.0.1:8080'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [svelte()],
  build: {
    outDir: join(import.meta.dirname, '../../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy takes no inline file, and one script needs no help to be loaded.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
  },
  server: { proxy: { '/api': platform, '/health': platform, '/metrics': platform } },
})
