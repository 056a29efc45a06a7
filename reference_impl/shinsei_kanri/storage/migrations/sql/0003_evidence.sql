ALTER TABLE applications ADD COLUMN quarantine_kind TEXT DEFAULT '' NOT NULL;
UPDATE applications SET quarantine_kind = 'package' WHERE ingestion = 'quarantined';
ALTER TABLE packages ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE attachments ALTER COLUMN body SET STORAGE EXTERNAL;
