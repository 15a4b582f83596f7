import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

// For work on the pages alone: `vite dashboards/web` serves them and passes the API on to a platform that runs.
const platform = 'http://127.0.0.1:8080'

const outDir = join(import.meta.dirname, '../../dist/web')

/** Puts a brotli and a gzip of each text file beside it, so that the platform compresses none of them while it serves. */
const compressFiles: Plugin = {
  name: 'compress-files',
  apply: 'build',
  closeBundle() {
    for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(html|css|m?js|svg|json)$/.test(entry.name)) continue
      const file = join(entry.parentPath, entry.name)
      const bytes = readFileSync(file)
      writeFileSync(`${file}.br`, brotliCompressSync(bytes))
      writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
    }
  },
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [svelte(), compressFiles],
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy takes no inline file, and one script needs no help to be loaded.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
    // The library of maps is that large, and loaded by who opens a map; how long the build took is of no interest to who
    // installs Parvis.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  server: { proxy: { '/api': platform, '/health': platform, '/metrics': platform } },
})
