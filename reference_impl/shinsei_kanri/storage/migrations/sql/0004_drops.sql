CREATE TABLE drops (
  kind TEXT NOT NULL,
  core_system TEXT NOT NULL,
  number BIGINT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  done BOOLEAN NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (kind, core_system, number)
);
ALTER TABLE applications ADD COLUMN drop_number BIGINT;
CREATE INDEX applications_drop ON applications (drop_number, procedure_id) WHERE drop_number IS NOT NULL;
