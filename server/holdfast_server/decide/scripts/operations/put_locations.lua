-- put_locations.lua
--
-- Purpose   Creates locations or replaces those that exist, all or none.
-- Command   { locations }; a location is { location, display_name, kind }
-- Journal   PUT_LOCATIONS: the locations.

operation.put_locations = function(arguments, command)
  local record = begin(KIND.PUT_LOCATIONS, command)
  for _, location in ipairs(arguments[1]) do
    local id = location[1]
    if not location_of(id) then
      head.locations = head.locations + 1
      location_cache[id] = { {}, 0 }
      changed_locations[id] = location_cache[id]
    end
  end
  record[RECORD.catalog] = arguments[1]
  return finish(record, command)
end
