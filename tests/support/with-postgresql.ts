import type { TestProject } from 'vitest/node'
import { startPostgresql } from './postgresql.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The server on which the tests of this project keep their registries. */
    postgresqlUrl: string
  }
}

/** Runs a project's tests beside a PostgreSQL server, which ends with them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgresql()
  project.provide('postgresqlUrl', server.url)
  return server.stop
}
