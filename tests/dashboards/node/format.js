// Formats numbers as Grafana does: reads [{config, values}] as JSON, and writes the texts of each.
// Grafana's packages are made for browsers.
globalThis.navigator = { language: 'en-US', languages: ['en-US'] };
const { createTheme, formattedValueToString, getDisplayProcessor } = require('@grafana/data');

const fields = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const theme = createTheme();
const texts = fields.map(({ config, values }) => {
  const display = getDisplayProcessor({ field: { name: 'value', type: 'number', config, values: [] }, theme });
  return values.map((value) => formattedValueToString(display(value)));
});
process.stdout.write(JSON.stringify(texts));
