import { describeError, loadPipeline } from '@tributary/shared';
import { type AuditArguments, HELP, readArguments } from './arguments.js';
import { audit } from './audit.js';
import { formatFindings, formatTable } from './report.js';
import { openRows } from './sinks/open.js';
import { apiTruth } from './truth.js';

/** Milliseconds that a change may take from the API to the sink while the pipeline runs. */
const UNDER_WAY = 60_000;

// `npm run audit`: exit 0 if nothing is wrong, 1 if something is or if it cannot be told.
try {
  const args = readArguments(process.argv.slice(2));
  if (args.help) process.stdout.write(HELP);
  else await run(args);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}

async function run(args: AuditArguments): Promise<void> {
  const config = loadPipeline(args.config ?? (process.env.PIPELINE || 'pipeline.yaml'), process.env);
  const sink = await openRows(config, args);
  try {
    const settledBefore = args.live ? Date.now() - UNDER_WAY : undefined;
    const report = await audit({ config, truth: apiTruth(config, args.api, args.collections), sink, settledBefore });
    if (args.json) process.stdout.write(`${JSON.stringify({ audit: report.audit, ok: report.ok })}\n`);
    else process.stdout.write(`${formatTable(report)}\n`);
    if (report.findings.length > 0) process.stderr.write(`${formatFindings(report.findings)}\n`);
    if (report.leftOut > 0) process.stderr.write(`left out, as changing or invalid: ${report.leftOut} records\n`);
    if (!report.ok) process.exitCode = 1;
  } finally {
    await sink.close();
  }
}
