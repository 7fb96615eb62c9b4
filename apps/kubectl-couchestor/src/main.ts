#!/usr/bin/env node
import { connect } from './kubeconfig.ts';
import { run } from './run.ts';

process.exitCode = await run(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  nowMs: () => Date.now(),
  connect: (target) => connect(process.env, target),
});
