import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { ensureDebianPackage } from './debian.ts'
import { until } from './until.ts'

const installed = '/usr/lib/postgresql'

/** A PostgreSQL server of its own, reached over a socket in its folder: `url` names its database "parvis". */
export type PostgresqlServer = {
  url: string
  /** The statements that make a schema as it stands, rows included. */
  dump(schema: string): string
  stop(): Promise<void>
}

/** Starts one, installing PostgreSQL when it is not there. It does not wait for disks: what it holds goes with it. */
export async function startPostgresql(): Promise<PostgresqlServer> {
  const binaries = await findBinaries()
  const folder = mkdtempSync(join(tmpdir(), 'parvis-postgresql-'))
  const owner = findOwner()
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'parvis', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...owner, stdio: ['ignore', 'ignore', 'pipe'], cwd: folder },
  )
  const server = spawn(
    join(binaries, 'postgres'),
    ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=300', '-c', 'fsync=off'],
    { ...owner, stdio: ['ignore', 'ignore', 'pipe'], cwd: folder },
  )
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = (database: string) => `postgres://parvis@localhost/${database}?host=${encodeURIComponent(folder)}`
  await waitFor(server, url('postgres'))
  await query(url('postgres'), 'create database parvis')
  return {
    url: url('parvis'),
    dump(schema) {
      const options = ['--schema', schema, '--inserts', '--no-owner', '--dbname', url('parvis')]
      const text = execFileSync(join(binaries, 'pg_dump'), options, { encoding: 'utf8' })
      // Newer releases frame a dump with commands of psql's own.
      return text.replaceAll(/^\\.*$/gm, '')
    },
    async stop() {
      // SIGINT: the fast shutdown, which waits for no client.
      server.kill('SIGINT')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The same database, of which only one schema is seen. */
export function inSchema(url: string, schema: string): string {
  return `${url}&options=${encodeURIComponent(`-c search_path=${schema}`)}`
}

/** Runs a text of statements on a connection of its own; answers the rows of a single one. */
export async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function findBinaries(): Promise<string> {
  await ensureDebianPackage('postgresql', 'psql')
  const [newest] = readdirSync(installed).sort((a, b) => Number(b) - Number(a))
  return join(installed, newest!, 'bin')
}

// The server refuses to run as root: the account that the package made serves then.
function findOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const ask = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: ask('-u'), gid: ask('-g') }
}

async function waitFor(server: ChildProcess, url: string): Promise<void> {
  let output = ''
  server.stderr!.on('data', (bytes) => {
    output += bytes
  })
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}:\n${output}`)
    return query(url, 'select 1').then(
      () => true,
      () => false,
    )
  }, 60_000)
}
