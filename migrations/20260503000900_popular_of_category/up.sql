-- What is popular in a category: a search for words that everybody uses, or a list by popularity, with a category, walks
-- along this instead of along the whole catalogue.
CREATE INDEX listing_search_popular_of_category ON listing_search (category_id, popularity DESC, id DESC)
    WHERE status = 'active';
