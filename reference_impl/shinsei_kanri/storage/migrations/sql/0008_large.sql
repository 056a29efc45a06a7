-- What a list page and the daily erasure ask for, in a database with very many applications.
CREATE INDEX applications_untold ON applications (received_at)
  WHERE resident_told_at IS NULL AND review IN ('completed', 'rejected', 'withdrawn');
CREATE INDEX applications_age ON applications (procedure_id, imported_at);
