import type { DeviceLifeCycle } from '../domain/asset.ts'

/**
 * The tables of the registry, as Kysely sees them. Times are UTC epoch milliseconds; `revision` is the value of the
 * change counter in the transaction that last wrote the row; texts that hold JSON say so.
 */
export type RegistryTables = {
  change_counter: { id: number; revision: number }
  devices: DeviceTable
  assets: AssetTable
  inventory_numbers: InventoryNumberTable
  installations: InstallationTable
  installation_versions: InstallationVersionTable
  tokens: TokenTable
  accounts: AccountTable
  sessions: SessionTable
  integrations: IntegrationTable
  bridges: BridgeTable
  removals: RemovalTable
  documents: DocumentTable
  imports: ImportTable
  import_profiles: { name: string; mapping: string; revision: number }
  meter_indexes: MeterIndexTable
  learned_intervals: { device_id: string; interval_s: number; learned_at: number }
  codecs: CodecTable
  device_models: DeviceModelTable
  commands: CommandTable
  status: StatusTable
  status_cursor: StatusCursorTable
  requests: RequestTable
  audit_entries: AuditEntryTable
  audit_rows: AuditRowTable
}

export type DeviceTable = {
  id: string
  model: string
  label: string | null
  /** Its own, in seconds; null stands for the model's. */
  expected_interval_s: number | null
  life_cycle: DeviceLifeCycle
  /** The service that it belongs to, wherever it hangs; null for nobody's. */
  service: string | null
  /** As store/secrets.ts writes it. */
  secret: string
  /** The revision that made the secret. */
  secret_revision: number
  /** Null for one from before this was kept. */
  secret_set_at: number | null
  /** What a search looks through: id and label, folded. */
  search: string
  created_at: number
  revision: number
}

export type AssetTable = {
  id: string
  kind: string
  label: string
  inventory_number: string | null
  latitude: number | null
  longitude: number | null
  address: string | null
  district: string | null
  commune: string | null
  service: string | null
  parent_id: string | null
  life_cycle: string
  condition: string | null
  /** Days of the calendar, `2026-03-31`, as all that end in `_on` or `_until`. */
  acquired_on: string | null
  commissioned_on: string | null
  warranty_until: string | null
  disposed_on: string | null
  /** JSON object. */
  attributes: string
  /** What a search looks through: id, label, number and place, folded. */
  search: string
  created_at: number
  revision: number
}

/** Which asset an inventory number stands for, or stood for: numbers are never used again. */
export type InventoryNumberTable = { number: string; asset_id: string; first_used_at: number }

export type InstallationTable = {
  id: string
  device_id: string
  asset_id: string
  /** Null stands for the whole device. */
  channel: string | null
  installed_at: number
  removed_at: number | null
  /** JSON object of domain/calibration.ts, or null. */
  calibration: string | null
  /** When it was written down, which may be long after `installed_at`. */
  recorded_at: number
  revision: number
}

/** An installation as it was known before: from `recorded_at` to `superseded_at`. */
export type InstallationVersionTable = InstallationTable & { superseded_at: number }

export type TokenTable = {
  id: string
  role: string
  name: string | null
  /** JSON array of the services to which it is limited; null for all. */
  services: string | null
  /** Lower-case hexadecimal SHA-256 of the token. */
  hash: string
  created_at: number
  revoked_at: number | null
  revision: number
}

/** A person who signs in. */
export type AccountTable = {
  id: string
  /** As the person writes it; `login_key` is what it is looked for by. */
  login: string
  login_key: string
  name: string
  role: string
  /** JSON array of the services to which it is limited; null for all. */
  services: string | null
  language: 'fr' | 'en' | null
  /** As store/passwords.ts writes it; null until the person has chosen one. */
  password: string | null
  password_set_at: number | null
  /** Lower-case hexadecimal SHA-256 of the one-time link by which the person chooses a password. */
  link_hash: string | null
  link_expires_at: number | null
  disabled_at: number | null
  last_sign_in_at: number | null
  created_at: number
  revision: number
}

/** A browser in which someone is signed in: by an account, or by a token. */
export type SessionTable = {
  id: string
  /** Lower-case hexadecimal SHA-256 of what its cookie holds. */
  hash: string
  account_id: string | null
  token_id: string | null
  address: string
  agent: string
  created_at: number
  used_at: number
  expires_at: number
}

export type IntegrationTable = {
  name: string
  format: string
  /** JSON array of topic filters. */
  topics: string
  /** As store/secrets.ts writes it. */
  secret: string
  /** The secret itself, as store/vault.ts seals it; null for one that was made before Parvis kept it. */
  sealed_secret: string | null
  /** When the secret was renewed; null for the one that it was added with. */
  secret_set_at: number | null
  created_at: number
  revoked_at: number | null
  revision: number
}

/** An MQTT client of ours at another broker, whose messages are an integration's. */
export type BridgeTable = {
  name: string
  integration: string
  url: string
  /** JSON array of topic filters. */
  topics: string
  qos: 0 | 1
  client_id: string
  user_name: string | null
  /** As store/vault.ts seals it. */
  sealed_password: string | null
  /** Certificates that its server's is signed with, PEM; null for those of the system. */
  ca: string | null
  /** 1 when the server's certificate is not checked. */
  insecure: 0 | 1
  created_at: number
  revision: number
}

/** What is gone, so that who follows the changes hears of it too. Kept for a while only. */
export type RemovalTable = {
  kind: 'device' | 'integration' | 'asset' | 'model'
  id: string
  removed_at: number
  revision: number
}

/** One row an asset, folded from the registry and ingest's file; see inventory/status.ts. */
export type StatusTable = {
  asset_id: string
  kind: string
  label: string
  service: string | null
  district: string | null
  latitude: number | null
  longitude: number | null
  search: string
  /** The state while no deadline has passed: it is `silent` once `silent_at` lies in the past. */
  state: 'working' | 'attention' | 'never_seen' | 'out_of_service'
  since: number
  last_seen_at: number | null
  silent_at: number | null
  /** When one of its devices falls silent, while others still speak: what works calls for attention from then on. */
  attention_at: number | null
  battery: number | null
  /** The rules that call for attention, as a JSON array of their codes. */
  attentions: string
  device_id: string | null
  /** That of the device. */
  installation_id: string | null
  life_cycle: string
  /** What last proved that it is there, and when. */
  proof: string | null
  proof_at: number | null
}

/** An import that was made: `revision` is that of all that it wrote. */
export type ImportTable = {
  id: string
  kind: string
  created_at: number
  created: number
  changed: number
  installed: number
  revision: number
  undone_at: number | null
}

/** An index of a meter, as a person declared it; what was superseded stays. */
export type MeterIndexTable = {
  id: string
  asset_id: string
  quantity: string
  kind: string
  at: number
  value: number
  note: string | null
  recorded_at: number
  superseded_at: number | null
  revision: number
}

/** A document or photo of an asset: the file itself stands in the data folder, under its id. */
export type DocumentTable = {
  id: string
  asset_id: string
  kind: 'photo' | 'document'
  name: string
  media_type: string
  bytes: number
  /** Lower-case hexadecimal SHA-256 of the file. */
  sha256: string
  caption: string | null
  created_at: number
  created_by: string | null
  /** When its file was removed; the row stays, for the history of the asset. */
  removed_at: number | null
  revision: number
}

/** How far the fold is: in ingest's activity, in the registry's changes, and in time. */
export type StatusCursorTable = { id: number; activity_seq: number; revision: number; folded_at: number }

/** What the API and the command line want of ingest, which takes the rows in the order of their ids. */
export type RequestTable = {
  id: string
  kind: 'replay'
  /** JSON object; its shape goes with the kind. */
  body: string
  created_at: number
}

/** One link of the audit's chain: what one transaction changed, in whose name, and why. Never changed, never removed. */
export type AuditEntryTable = {
  revision: number
  recorded_at: number
  actor_kind: string
  actor_id: string
  actor_name: string | null
  reason: string | null
  row_count: number
  /** SHA-256 over its rows, in lower-case hexadecimal. */
  digest: string
  /** SHA-256 over the hash before it and all of the above. */
  hash: string
}

/** One object that a transaction changed: as it was and as it is, as JSON objects; null where there is none. */
export type AuditRowTable = {
  revision: number
  position: number
  kind: string
  object_id: string
  before: string | null
  after: string | null
}

/** The source of a codec, under the hash of its text: models share it, and another version is another row. */
export type CodecTable = { id: string; source: string; created_at: number }

/** A device model beside those of the catalogue: imported, or made by a technician. */
export type DeviceModelTable = {
  id: string
  origin: 'ttn' | 'chirpstack' | 'actility' | 'own'
  vendor: string
  label: string
  description: string
  expected_interval_s: number
  /** JSON object: the id of a codec for each operation; empty for a model that reads JSON without code. */
  codecs: string
  /** JSON object: how its codec wants to be called. */
  dialect: string
  /** JSON object: the table that makes readings of what the codec answers. */
  mapping: string
  /** JSON array of payloads to try it on, with what the codec answered. */
  samples: string
  /** JSON object: how many of its published examples passed, and their fingerprint; null when it has none. */
  examples: string | null
  /** Rises with each change. */
  version: number
  /** What a search looks through: id, vendor and label, folded. */
  search: string
  created_at: number
  updated_at: number
  revision: number
}

/** A command to a device, with who asked for it. */
export type CommandTable = {
  id: string
  device_id: string
  state: 'queued' | 'sent' | 'acknowledged' | 'expired' | 'failed'
  /** JSON: what was asked for, as the person said it; null for raw bytes. */
  data: string | null
  /** What goes out, in base64. */
  bytes: string
  port: number | null
  confirmed: 0 | 1
  attempts: number
  actor_kind: string
  actor_id: string
  actor_name: string | null
  reason: string | null
  created_at: number
  expires_at: number
  sent_at: number | null
  /** Null while something is still waited for. */
  ended_at: number | null
  /** The integration that it went through. */
  integration: string | null
  acknowledged_by: 'device' | 'network' | null
  /** The uplink that told what became of it. */
  answer_seq: number | null
  /** JSON: a text, or one for each language. */
  detail: string | null
  revision: number
}
