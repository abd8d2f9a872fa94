import { DuckDBInstance } from '@duckdb/node-api';
import { writeFileSync } from 'node:fs';
const db=await DuckDBInstance.create(':memory:',{threads:'2',memory_limit:'256MB'});const c=await db.connect();
const big='x'.repeat(5_000_000);
writeFileSync('/tmp/duckwork/l.csv',`a,${big}\r\nb,c\r\n`);
for (const [l,b] of [[5_001_024,10_002_048],[5_001_024,0],[6_000_000,32_000_000],[5_001_024,20_000_000]]) {
 try { const r=await c.runAndReadAll(`SELECT c0, strlen(c1) FROM read_csv('/tmp/duckwork/l.csv', auto_detect=false, header=false, delim=',', quote='"', escape='"', new_line='\\r\\n', nullstr='\x01n', columns={'c0':'VARCHAR','c1':'VARCHAR'}, max_line_size=${l} ${b?`, buffer_size=${b}`:''})`); console.log(l,b,r.getRowsJS()); } catch(e){console.log(l,b,e.message.slice(0,600));}
}
try { const r=await c.runAndReadAll(`SELECT length(regexp_replace('a🦊b', '[\\x{10000}-\\x{10FFFF}]', '--', 'g')), strlen($1), TRY_CAST('2026-01-05T02:00:00.123456Z' AS TIMESTAMP)::VARCHAR, TRY_CAST('2026-01-05T02:00:00.123456789Z' AS TIMESTAMP)::VARCHAR`,['a\0b']); console.log(r.getRowsJS()); } catch(e){console.log(e.message.slice(0,600));}
writeFileSync('/tmp/duckwork/l.csv',Buffer.from('"a\0b","c"\r\n"\0\0","d"\r\n'));
try { const r=await c.runAndReadAll(`SELECT c0, strlen(c0) FROM read_csv('/tmp/duckwork/l.csv', auto_detect=false, header=false, delim=',', quote='"', escape='"', new_line='\\r\\n', nullstr='\x01n', columns={'c0':'VARCHAR','c1':'VARCHAR'})`); console.log(r.getRowsJS()); } catch(e){console.log(e.message.slice(0,600));}
