import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { noteRealPart } from './real-parts.ts'

const run = promisify(execFile)
const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin']

// Another test may be installing too: dpkg takes one at a time.
const lockTimeoutS = 300

/**
 * Where a Debian package's program is, installing the package when it is not there, and noting it among the real parts
 * of this run. Throws, saying what to install, for a user who may not install, or where there is no apt.
 */
export async function ensureDebianPackage(name: string, binary: string): Promise<string> {
  const path = await ensureProgram(name, binary)
  noteRealPart(name, `${await packageVersion(name)} (Debian)`)
  return path
}

async function ensureProgram(name: string, binary: string): Promise<string> {
  const before = findProgram(binary)
  if (before !== null) return before
  if (process.getuid?.() !== 0 || findProgram('apt-get') === null)
    throw new Error(`${binary} is needed. Install it (on Debian: "sudo apt-get install ${name}") and try again.`)
  // The package lists may be absent or old: they are fetched only when what they say does not suffice.
  await install(name).catch(async () => {
    await aptGet('update')
    await install(name)
  })
  const after = findProgram(binary)
  if (after === null) throw new Error(`The Debian package ${name} is installed, and has no ${binary}.`)
  return after
}

function findProgram(binary: string): string | null {
  return folders.map((folder) => `${folder}/${binary}`).find((path) => existsSync(path)) ?? null
}

// A program of another origin is used where it stands already.
async function packageVersion(name: string): Promise<string> {
  const { stdout } = await run('dpkg-query', ['--show', name]).catch(() => ({ stdout: '' }))
  return stdout.trim().split('\t')[1] ?? 'of unknown version'
}

function install(name: string) {
  return aptGet('install', '--yes', '--no-install-recommends', name)
}

function aptGet(...args: string[]) {
  return run('apt-get', ['--quiet', '-o', `DPkg::Lock::Timeout=${lockTimeoutS}`, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 << 20,
  })
}
