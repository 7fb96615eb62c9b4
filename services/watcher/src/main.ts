import { runService } from '@couchestor/shared/service';
import { watcherSettings } from './settings.ts';
import { startWatcher } from './start-watcher.ts';

await runService({ name: 'watcher', schema: watcherSettings, start: startWatcher });
