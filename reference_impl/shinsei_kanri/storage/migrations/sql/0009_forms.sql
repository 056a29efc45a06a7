-- A PDF is compressed already: trying again costs as much as storing it.
ALTER TABLE form_pdfs ALTER COLUMN body SET STORAGE EXTERNAL;
