import { alerts, buildRuleGroup, folder } from './alerts.ts'
import { dashboards } from './catalogue.ts'
import { buildDashboard } from './dashboard.ts'
import { buildDataSources, type SourceOptions } from './data-sources.ts'
import type { Surroundings } from './panel.ts'

/**
 * The files of a provisioned Grafana, by their paths under its provisioning folder. They are JSON, which is YAML too, and
 * may therefore have the names that Grafana looks for. `folderPath` is where Grafana finds that folder.
 */
export function writeProvisioning(
  surroundings: Surroundings,
  sources: SourceOptions,
  folderPath: string,
): ReadonlyMap<string, string> {
  const { title, interval, rules = [] } = buildRuleGroup(surroundings)
  const documents: [string, unknown][] = [
    ['datasources/parvis.yaml', { apiVersion: 1, datasources: buildDataSources(sources) }],
    [
      'dashboards/parvis.yaml',
      {
        apiVersion: 1,
        providers: [
          {
            name: 'parvis',
            folder: folder.title,
            folderUid: folder.uid,
            type: 'file',
            options: { path: `${folderPath}/dashboards/parvis` },
          },
        ],
      },
    ],
    // The format of files names the group's folder and interval otherwise than the HTTP API does.
    [
      'alerting/parvis.yaml',
      {
        apiVersion: 1,
        groups: [
          {
            orgId: 1,
            name: title,
            folder: folder.title,
            interval: `${interval}s`,
            rules: rules.map(({ folderUID: _, ruleGroup: __, orgID: ___, ...rule }) => rule),
          },
        ],
      },
    ],
    ...dashboards.map((each): [string, unknown] => [
      `dashboards/parvis/${each.uid}.json`,
      buildDashboard(each, surroundings),
    ]),
  ]
  return new Map(documents.map(([path, document]) => [path, `${JSON.stringify(document, null, 2)}\n`]))
}

/** How much there is of each, to tell people. */
export const amounts = { dashboards: dashboards.length, alerts: alerts.length } as const
