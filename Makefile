# Pulse: the extension is built with PGXS (PG_CONFIG=… picks the server), the worker with pkg-config.
PG_CONFIG ?= pg_config
export PG_CONFIG

build:            ## build the extension and the worker
	$(MAKE) -C extension
	$(MAKE) -C worker

install: build    ## install both into this machine's PostgreSQL and /usr/local
	$(MAKE) -C extension install
	$(MAKE) -C worker install

installcheck:     ## run pg_regress against a running server
	$(MAKE) -C extension installcheck

clean:            ## remove everything that was built
	$(MAKE) -C extension clean
	$(MAKE) -C worker clean
	rm -rf .build

help:             ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*##/\1\t/p' $(MAKEFILE_LIST)

.PHONY: build install installcheck clean help
