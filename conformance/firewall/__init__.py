"""The network lab: every zone a network namespace, real packet filters, a real proxy; what it saw ends in a record.

Policy → lab (control, each part alone, chain, reload, boot, proxy down) → record → checks of the roles `fw` and `relay`.
"""
