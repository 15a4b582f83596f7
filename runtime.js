import module from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

// The project brings its own Node.js (the npm package `node`), so that it runs the same on every machine. Npm puts
// node_modules/.bin first in the path of its scripts; this check, plain JavaScript that any Node can run, says so when
// that did not happen.
const wanted = 26
const found = Number(process.versions.node.split('.')[0])
if (found < wanted) {
  console.error(
    `Parvis needs Node.js ${wanted} or newer, and this is ${process.version}.
It comes with the project: run "npm ci", then start Parvis through npm ("npm start", "npm run demo").
If it was installed with --ignore-scripts, run "npm rebuild node" once.`,
  )
  process.exit(1)
}

// Messages wait for the disk for milliseconds, and die. After a burst, when many waited at once, V8 would make their kind
// among its old objects for good, where only a collection of the whole heap finds them; and on two processors the threads
// that help with the young ones cost more than they save.
setFlagsFromString('--no-allocation-site-pretenuring')
setFlagsFromString('--no-parallel-scavenge')

// Types are stripped and code is compiled once, not at every start: the stripper alone takes 20 MB in each thread.
module.enableCompileCache(join(import.meta.dirname, 'node_modules', '.cache', 'parvis'))
