import { describeEnvironment } from './environment.js';
import { schemaForEditors } from './json-schema.js';
import { describeSettings } from './settings.js';

/** The documents that are made from the schemas, by their path from the top of the checkout. */
export const generatedDocuments = (): Readonly<Record<string, string>> => ({
  'docs/settings.md': settingsPage(),
  'docs/reference/pipeline.schema.json': `${JSON.stringify(schemaForEditors(), undefined, 2)}\n`,
});

const settingsPage =
  (): string => `<!-- Made by \`npm run docs\` from the schemas in shared/src/config: change the descriptions there, not this page. -->

# Settings

Every setting of the pipeline file and every environment variable. [own-api.md](own-api.md) is the way to a first file, and
[sources.md](sources.md) tells how endpoints are polled.

Any value of the file may hold variables: \`\${NAME}\` is filled in from the environment when the file is read,
\`\${NAME:-default}\` has a default, and \`\${file:/run/secrets/token}\` is the content of a file. Check a change with
\`npx tributary check\`. Editors with a YAML language server complete and check the file if it begins with this line:

    # yaml-language-server: $schema=docs/reference/pipeline.schema.json

(That is the path in a clone; with the package it is \`node_modules/tributary/pipeline.schema.json\`, as \`npx tributary init\` writes it.)

## The pipeline file

${describeSettings()}

## Environment variables

A variable that is empty counts as not set. \`npm start\` reads what its services read. A pipeline file can name any variable;
those below that \`pipeline\` reads stand in the shipped one. [.env.example](../.env.example) also lists the variables that only
docker compose reads.

${describeEnvironment()}
`;
