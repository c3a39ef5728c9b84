"""From an executed notebook to a page that needs no kernel: `page.make_page`."""
