import {
  AliasNode,
  FromNode,
  JoinNode,
  type Kysely,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type QueryId,
  type SelectQueryNode,
  type SqlBool,
  sql,
  TableNode,
  type UnknownRow,
} from 'kysely'
import { Problem } from '../domain/problem.ts'
import type { Access } from './access.ts'
import type { AuditKind } from './audit.ts'
import type { Registry } from './registry.ts'
import type { RegistryTables } from './registry-tables.ts'

/*
 * What someone who is limited to some services may see. An asset is seen by its service; what hangs on an asset is seen
 * with it; a device is seen by the service that it belongs to, and by those on whose assets it is or was.
 *
 * It is not left to the queries: `limitTo` puts a smaller table in the place of each table that a query reads. A table
 * that is added needs a rule here, or nothing compiles.
 */

type Rows = { toOperationNode(): OperationNode }

/** The part of a table that is seen; `open` for what tells nothing of any service, `closed` for what is not theirs. */
type Rule = 'open' | 'closed' | ((all: Kysely<RegistryTables>, services: readonly string[]) => Rows)

const rules: Record<keyof RegistryTables, Rule> = {
  assets: (all, services) => all.selectFrom('assets').selectAll().where('service', 'in', services),
  status: (all, services) => all.selectFrom('status').selectAll().where('service', 'in', services),
  installations: (all, services) =>
    all.selectFrom('installations').selectAll().where(isOnOurs('installations', services)),
  installation_versions: (all, services) =>
    all.selectFrom('installation_versions').selectAll().where(isOnOurs('installation_versions', services)),
  devices: (all, services) => all.selectFrom('devices').selectAll().where(isOurDevice(services)),
  commands: (all, services) => all.selectFrom('commands').selectAll().where(isOfOurDevice('commands', services)),
  device_models: 'open',
  codecs: 'open',
  documents: (all, services) => all.selectFrom('documents').selectAll().where(isOnOurs('documents', services)),
  inventory_numbers: 'open',
  meter_indexes: (all, services) =>
    all.selectFrom('meter_indexes').selectAll().where(isOnOurs('meter_indexes', services)),
  learned_intervals: (all, services) =>
    all.selectFrom('learned_intervals').selectAll().where(isOfOurDevice('learned_intervals', services)),
  // Whose objects an import wrote, only its rows tell: who is limited is told of their own, by inventory/import-undo.ts.
  imports: 'closed',
  import_profiles: 'open',
  change_counter: 'open',
  status_cursor: 'open',
  removals: 'closed',
  tokens: 'closed',
  // A person's own account is opened to it by its id: see inventory/own-account.ts.
  accounts: 'closed',
  sessions: 'closed',
  integrations: 'closed',
  bridges: 'closed',
  // What is asked of ingest and what the audit tells are seen through the objects that they are about.
  requests: 'open',
  audit_entries: 'open',
  audit_rows: 'open',
}

// Asked row by row, by the key of the asset: one object is looked up without gathering all assets of a service first.
function isOnOurs(table: string, services: readonly string[]) {
  return sql<SqlBool>`exists (select 1 from assets
    where assets.id = ${sql.ref(`${table}.asset_id`)} and assets.service in (${sql.join(services)}))`
}

function isOurDevice(services: readonly string[]) {
  return sql<SqlBool>`(devices.service in (${sql.join(services)}) or exists (select 1 from installations
    where installations.device_id = devices.id and ${isOnOurs('installations', services)}))`
}

function isOfOurDevice(table: string, services: readonly string[]) {
  return sql<SqlBool>`exists (select 1 from devices
    where devices.id = ${sql.ref(`${table}.device_id`)} and ${isOurDevice(services)})`
}

/** The registry as those see it who are limited to some services. `withoutPlugins()` of it sees all. */
export function limitTo(registry: Registry, services: readonly string[]): Registry {
  return Object.assign(registry.withPlugin(new Scope(registry, services)), { dataDir: registry.dataDir })
}

/**
 * Refuses a change that reaches beyond the services of who makes it: Problem `not_found` for what it may not see,
 * `forbidden` for what would go to another service, or belongs to one.
 */
export function checkScope(
  { services, actor }: Access,
  { kind, id, before, after }: { kind: AuditKind; id: string; before: object | null; after: object | null },
): void {
  if (services === null) return
  const isOurs = (object: object | null) =>
    object === null || services.includes((object as { service: string }).service)
  if (kind === 'asset') {
    if (!isOurs(before)) throw new Problem('not_found', id)
    if (!isOurs(after)) throw beyond(services)
  } else if (kind === 'device') {
    const isNobodys = (before as { service?: string | null } | null)?.service === null
    if (!isOurs(before) && !isNobodys)
      throw new Problem('forbidden', { fr: `${id} est à un autre service`, en: `${id} belongs to another service` })
    if (!isOurs(after) && !(isNobodys && (after as { service: string | null }).service === null)) throw beyond(services)
  } else if (kind === 'account') {
    if (actor.kind !== 'account' || actor.id !== id) throw new Problem('forbidden')
  } else if (kind === 'token' || kind === 'integration' || kind === 'model') throw new Problem('forbidden')
}

/** The service of something new: the one that is named, or the only one of who makes it. */
export function chooseService({ services }: Access, named: string | null | undefined): string | null {
  return named ?? (services?.length === 1 ? services[0]! : null)
}

function beyond(services: readonly string[]): Problem {
  return new Problem('forbidden', {
    fr: `service : limité à ${services.join(', ')}`,
    en: `service: limited to ${services.join(', ')}`,
  })
}

class Scope extends OperationNodeTransformer implements KyselyPlugin {
  readonly #all: Kysely<RegistryTables>
  readonly #services: readonly string[]

  constructor(all: Kysely<RegistryTables>, services: readonly string[]) {
    super()
    this.#all = all
    this.#services = services
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs) {
    return this.transformNode(node, queryId)
  }

  async transformResult({ result }: { result: { rows: UnknownRow[] } }) {
    return result
  }

  protected override transformSelectQuery(node: SelectQueryNode, queryId?: QueryId): SelectQueryNode {
    const { from, joins, ...rest } = super.transformSelectQuery(node, queryId)
    return {
      ...rest,
      ...(from === undefined ? {} : { from: FromNode.create(from.froms.map((each) => this.#limit(each))) }),
      ...(joins === undefined
        ? {}
        : {
            joins: joins.map((each) => ({ ...JoinNode.create(each.joinType, this.#limit(each.table)), on: each.on })),
          }),
    } as SelectQueryNode
  }

  #limit(node: OperationNode): OperationNode {
    if (AliasNode.is(node) && TableNode.is(node.node)) return AliasNode.create(this.#rows(node.node), node.alias)
    if (TableNode.is(node)) return AliasNode.create(this.#rows(node), node.table.identifier)
    return node
  }

  #rows(node: TableNode): OperationNode {
    const name = node.table.identifier.name as keyof RegistryTables
    const rule = rules[name]
    if (rule === 'open') return this.#all.selectFrom(name).selectAll().toOperationNode()
    if (rule === 'closed')
      return this.#all
        .selectFrom(name)
        .selectAll()
        .where((e) => e.lit(false))
        .toOperationNode()
    return rule(this.#all, this.#services).toOperationNode()
  }
}
