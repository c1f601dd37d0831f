import { defineTable } from './define-table.js';

defineTable('node:http');
