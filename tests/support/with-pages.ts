import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..', '..')

/** Builds the pages once for all tests of a project, as `npm run build` does it. */
export default async function buildPages(): Promise<void> {
  const vite = join(root, 'node_modules/vite/bin/vite.js')
  // In this process the environment of the tests would be built in.
  await promisify(execFile)(process.execPath, [vite, 'build', join(root, 'dashboards/web'), '--logLevel', 'warn'], {
    env: { PATH: process.env.PATH },
  })
}
